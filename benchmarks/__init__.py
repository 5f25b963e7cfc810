"""How fast it is, beside its peers in the same run: `make bench`, or `python -m benchmarks catch-up --events N`."""
