"""`python -m aeden.agents report FILES`."""

from ._report import main

if __name__ == "__main__":
    main()
