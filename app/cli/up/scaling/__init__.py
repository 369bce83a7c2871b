"""Workers by demand: models that are loaded when jobs come for them, within the memory there is."""
