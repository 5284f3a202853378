"""The commands, a module for each group: they parse, call and print. No decisions here."""
