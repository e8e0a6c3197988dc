"""Plain nn.Modules. One file and one YAML a model."""
