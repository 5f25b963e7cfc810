"""The tables from the archive instead of from Kafka: whose retention is a week, where the archive's is for ever.

segments → batches (`archived`) → the live side's own partitions (`state`) → changelogs (`changelogs`), for a worker
                                                                          → HTTP (`serving`), as of a past moment
"""
