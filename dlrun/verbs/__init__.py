"""What can be typed after `dlrun`: one file a verb."""

VERBS = {  # verb -> what it does, in one line; its module is dlrun.verbs.<verb>
    "train": "OVERRIDES: train; the word itself may be left out",
    "resume": "RUN [KEY=VALUE…]: go on exactly where a run stopped; trainer.epochs=20 extends it",
    "eval": "RUN: metrics of a run's model on its val, test or training part",
    "sample": "RUN PROMPT: text from a language model",
    "predict": "RUN INPUT…: a label with probabilities, or a number, for each input",
    "neighbors": "RUN WORD…: the words nearest to a word",
    "analogy": "RUN A B C: A is to B as C is to …",
    "export": "RUN --to onnx|torch|safetensors|word2vec|npy: a model, or its word vectors, for other programs",
    "runs": "[DIR…]: a table of runs; --where, --sort, --limit, --json, --csv",
    "curve": "RUN TAG: one metric over its steps; --last, --around, --every, --json, --csv",
    "compare": "RUN RUN…: where their configs differ, and their metrics side by side",
    "rerun": "RUN [KEY=VALUE…]: the same again from its saved config, in a new folder",
    "prune": "[DIR…] --where CONDITION…: remove checkpoints or whole runs; asks first",
    "fetch": "[DATA…]: where every dataset is; with names: get them",
    "schema": "[--group GROUP]: a JSON Schema of all keys",
    "doctor": "what of this machine a run needs, and the command that mends it",
    "list": "every model, data, task, optim …, and which model fits which data",
    "tensorboard": "[DIR]: TensorBoard over outputs/",
    "new": "FOLDER: a small package of your own that runs at once: model, dataset, conf/, test",
    "docs": "[TOPIC]: the documentation, offline; --search WORD",
}
