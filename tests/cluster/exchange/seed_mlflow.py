"""The population into an MLflow registry: ``python -m cluster.exchange.seed_mlflow URI``."""

from __future__ import annotations

import logging
import sys
import warnings
from typing import Any

from cluster.exchange.population import Source, population


def main(location: str) -> None:
    """Register all of it in a registry that is empty."""
    warnings.simplefilter("ignore", FutureWarning)
    logging.disable(logging.INFO)
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=location, registry_uri=location)
    for version in population():
        client.register_prompt(version.name, **_arguments(version))
        for label in version.labels:
            client.set_prompt_alias(version.name, label, version.number)


def _arguments(version: Source) -> dict[str, Any]:
    template: Any = version.template
    if not isinstance(template, str):
        template = [{"role": role, "content": text} for role, text in template]
    config: dict[str, Any] = {
        "provider": "openai",
        "model_name": version.model,
        "temperature": version.temperature,
        "max_tokens": version.max_tokens,
        "top_k": 40,
    }
    if version.tools:
        config["tools"] = version.tools
    return {
        "template": template,
        "commit_message": version.message,
        "model_config": config,
        "response_format": version.output,
        "tags": {"author": version.author},
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
