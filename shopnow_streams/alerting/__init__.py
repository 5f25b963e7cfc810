"""Alerts in a worker: one evaluator at a time writes the topic `alertes`, every worker reads it, and tells others."""
