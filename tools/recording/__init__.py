"""The README's moving picture: commands that really ran, and what they really wrote, drawn as one SVG."""
