"""The way of a request, hop by hop: who sends it on, who judges it, where it ends."""
