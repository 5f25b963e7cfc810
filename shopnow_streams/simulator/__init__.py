"""Seeded traffic of plausible shoppers, and a ledger of what Kafka acknowledged of it."""

from shopnow_streams.simulator.ledger import Ledger, LedgerFile
from shopnow_streams.simulator.options import Progress, SimulationOptions
from shopnow_streams.simulator.sending import simulate
from shopnow_streams.simulator.shoppers import Habits, shoppers, steady_clock

__all__ = ["Habits", "Ledger", "LedgerFile", "Progress", "SimulationOptions", "shoppers", "simulate", "steady_clock"]
