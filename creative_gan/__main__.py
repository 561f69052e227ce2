"""`python -m creative_gan`, which torchrun needs."""

from creative_gan.cli import main

main()
