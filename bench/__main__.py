"""Measure the service beside nginx and Isso, and write `bench/RESULTS.md`: `make bench`."""

from bench.speed.command import main

if __name__ == "__main__":
    main()
