"""`sidestep migrate`: a plan carried out, looked at, paused, gone on with, and taken back."""
