"""Whether what is measured after a wave is as good as before it: holds, fails, or cannot be told yet."""
