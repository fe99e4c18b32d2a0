"""From a network to route tables, and along them. Pure; the only package that knows igraph."""
