"""Multi-track piano rolls: bars as pictures, played against three critics (arXiv:1709.06298)."""
