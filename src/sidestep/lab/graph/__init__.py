"""One service graph of everything that proxies and applications saw, without gaps where layers meet."""
