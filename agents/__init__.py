"""The Faust agents: one that folds (`fold`), one that archives (`archive`). Rejects are set aside by the fold's cut."""
