"""Who may ask the API, and how often."""

from dataclasses import dataclass, field
from typing import Any

from shopnow_streams.settings import Settings
from shopnow_streams.views.origins import Origins
from shopnow_streams.views.page import problems
from shopnow_streams.views.peers import Peers
from shopnow_streams.views.rate import Rate
from shopnow_streams.views.tokens import Tokens, read_tokens


@dataclass(frozen=True)
class Access:
    """By default everybody, as often as they like, but for pages of other origins."""

    origins: Origins = field(default_factory=Origins)
    tokens: Tokens = field(default_factory=Tokens)
    rate: Rate = field(default_factory=Rate)

    def middlewares(self, peers: Peers) -> list[Any]:
        """From the outside in: a refusal is a problem too, and pages of other origins may read it. A client's share
        is taken before its token is looked at, so that tokens can't be guessed any faster."""
        return [
            self.origins.middleware(),
            problems,
            self.rate.middleware(self.tokens, peers),
            self.tokens.middleware(),
        ]


EVERYBODY = Access()


def access(settings: Settings) -> Access:
    """What the settings say. Raises SettingsError for a file of tokens that is none."""
    origins = frozenset(filter(None, settings.web_cors_origins.replace(" ", "").split(",")))
    return Access(Origins(origins), read_tokens(settings.web_tokens_file), Rate(settings.web_rate_per_s))
