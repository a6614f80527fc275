"""Papers whose experiments can be run again: one module each, with its protocol and its published numbers.

A module of a paper has

- ``SETS``, ``BUDGETS`` and ``DEFAULT_SETS``, what is run of a budget where no data are named;
- ``TABLES``, which make a table of comparisons, by name, ``DEFAULT_TABLE``, and ``EXAMPLES``, tables that need no runs;
- ``about(table, made)``, ``lines_of(table)`` and ``runs_of(table, task, made, budget, seed, encoder, lines=...)``, and
  ``selection=`` where there are ``SELECTIONS``;
- ``SELECTIONS``, the epochs that can be judged, the default first and "both" for all of them, and ``TAKES``, which of
  "llm" and "data_dir" ``runs_of`` has to be given;
- where it has one, ``figure_1`` of the data, ``lacking``, which says what is not run for want of a model, and
  ``seconds_of(run)`` of runs whose trial, for an estimate, would take as long as they do.
"""

PAPERS = ("miso", "sharprecl", "mixup", "dos")
"""Names of the modules."""
