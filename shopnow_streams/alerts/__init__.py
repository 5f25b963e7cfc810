"""Alerts without IO: rules over facts, transitions of what is open, and the memory of what was raised and resolved.

    rows, rates ─→ suspects ─→ facts ─→ judge ─→ findings ─→ transitions ─→ topic `alertes` ─→ register

`shopnow_streams.alerting` gathers the facts, writes the topic, and tells whoever wants to know.
"""
