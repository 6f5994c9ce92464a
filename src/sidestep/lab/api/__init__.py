"""The socket of a lab: one request per connection, as a line of JSON; events, then one answer."""
