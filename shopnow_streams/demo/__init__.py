"""`make demo`: the whole system on one machine, with traffic, a live table, and a verdict at the end.

`worker` starts the Faust worker as a process; `numbers` asks it; `screen` shows them; `verdict` compares what the
simulator sent, what the tables say and what the archive holds.
"""
