"""A plan as text: for a terminal, for programs, for people, and as a folder of files to apply."""
