"""The lab's kernel side: namespaces, links, routes and packet rules, spoken to without any program in between."""
