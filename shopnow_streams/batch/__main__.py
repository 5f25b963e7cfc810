"""`python -m shopnow_streams.batch NAME`: see `job`."""

from shopnow_streams.batch.job import main

if __name__ == "__main__":
    main()
