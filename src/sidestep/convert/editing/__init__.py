"""Edit manifests where they stand: text in, text out.

libyaml's events carry the place of every node, to the character; edits replace just the characters of what differs, so
that whatever is not touched cannot change. A round trip through ruamel.yaml keeps comments too, but it writes every
line anew: it settles indentation, the width of lines, the spelling of numbers and of quotes by its own rules, and a
diff of one label becomes a diff of the file. It also reads YAML 1.2 where Kubernetes reads 1.1. What comes out is read
again, as Kubernetes reads it, and compared with what was wanted before anybody sees it.
"""
