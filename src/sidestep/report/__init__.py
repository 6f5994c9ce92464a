"""From values to text: table, JSON, YAML, CSV, Markdown, HTML, SARIF, JUnit. Decides nothing, fetches nothing."""
