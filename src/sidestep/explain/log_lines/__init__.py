"""One line of an access log: what it says (`parse`), and what that means (`reading`). Pure."""
