"""`shopnow audit`: every number shown can be recomputed from the archive at the same Kafka offsets. It does so.

    workers → `snapshot` (rows and their offsets, to files) ─┐
    reject topic → `rejects` (to a file) ────────────────────┼→ `comparison` → `report` → `verdict`
    archive → `archive` (wait) → `recount` (Spark) ──────────┘

Nothing here comes from `shopnow_streams.folds` or `tables`, and an import contract holds it to that: what the two sides
share is what an event is. `recount` begins with `event_time` where time decides: what is late, and which window has an
event; `windowed` and `shoppers` go on from there. `tests/vectors/` has both sides make the same rows.
"""
