"""How long a battery lasts: computed from stated currents and times, never measured here."""
