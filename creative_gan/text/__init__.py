"""Texts: corpora, tokenisers, checks and export."""
