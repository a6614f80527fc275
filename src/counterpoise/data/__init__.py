"""Data on the way in and out: reading, writing, named sets, imbalance profiles. Knows nothing of models.

``readers.read`` and ``readers.stream`` take any file to texts and labels, ``image_files.read_images`` and
``stream_images`` to images and labels, and ``source_kinds.source_kind`` tells which; ``python_inputs.as_texts`` and
``as_labels`` take what Python users hold; ``catalog.load`` takes named sets; ``imbalance`` makes a class
rare; ``writers.TableWriter``, ``atomic_path`` and ``atomic_folder`` write whole files or none;
``demo.make_corpus`` makes the built-in corpus.
"""
