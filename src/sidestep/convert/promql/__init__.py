"""Queries in dashboards and alerts: rewritten where ambient answers under other labels, else named as lost."""
