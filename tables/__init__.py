"""Live tables: rows in memory, written behind to changelog and RocksDB, one consistent cut at a time.

Reading order: `rows` (one table in one partition) → `partition` (all tables of a partition number, and the
offsets they stand at) → `cut` (what a flush writes) → `writer` (one transaction a cut) → `store` (RocksDB) →
`restore` (changelog → store) → `live` (which partitions are ours, and when to flush) → `reads`; `journal` and
`changes` (which rows changed, for who asks).
"""
