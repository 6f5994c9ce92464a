"""Call graphs as pictures: what is drawn, where it stands, and in which language."""
