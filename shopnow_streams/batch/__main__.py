"""`python -m shopnow_streams.batch daily-sales`, and what `spark-submit` is given on a cluster."""

import sys

from shopnow_streams.cli import main

if __name__ == "__main__":
    sys.argv[1:1] = ["batch"]
    main()
