"""ShopNow+ streams: five topics of customer actions, counted exactly once and archived for ever."""

__version__ = "0.1.0"
