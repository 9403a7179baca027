"""Who can speak to the API server, and the files by which they do."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

# Each plain user is in a group of its own and has no rights but what a test gives it.
PLAIN_USERS = ("alice", "bob", "carol", "dave", "erin", "frank")
GROUPS = {
    "admin": "system:masters",
    "system:kube-controller-manager": "",
    "system:kube-scheduler": "",
    **{name: f"promptrelease:{name}" for name in PLAIN_USERS},
}


class Credentials:
    """Tokens for the identities in GROUPS, and kubeconfig files."""

    def __init__(self, folder: Path, ca_file: Path) -> None:
        """Write the token file into `folder`; kubeconfigs will name `ca_file`."""
        self.ca_file = ca_file
        self.token_file = folder / "tokens.csv"
        self.server = ""  # the API server's URL, once it has one
        self._folder = folder
        self._tokens = {user: secrets.token_hex(16) for user in GROUPS}
        lines = [f'{self._tokens[u]},{u},uid-{u},"{group}"\n' for u, group in GROUPS.items()]
        self.token_file.touch(mode=0o600)
        self.token_file.write_text("".join(lines))

    def token(self, user: str) -> str:
        """Return the bearer token of an identity. Raises KeyError for an unknown one."""
        return self._tokens[user]

    def kubeconfig(self, user: str, namespace: str | None = None) -> Path:
        """Return a kubeconfig file of an identity. Raises KeyError for an unknown one."""
        return self.write_kubeconfig(user, self.token(user), namespace)

    def write_kubeconfig(self, user: str, token: str, namespace: str | None) -> Path:
        """Write a kubeconfig with `namespace` as its default, and return its path."""
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [
                {
                    "name": "test",
                    "cluster": {"server": self.server, "certificate-authority": str(self.ca_file)},
                }
            ],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [
                {
                    "name": "test",
                    "context": {
                        "cluster": "test",
                        "user": user,
                        "namespace": namespace or "default",
                    },
                }
            ],
        }
        file = self._folder / f"{user.replace(':', '-')}.{namespace or 'default'}.kubeconfig"
        # Renamed into place: another process may be reading it at this moment.
        new = file.with_suffix(f".{secrets.token_hex(4)}")
        new.touch(mode=0o600)
        new.write_text(json.dumps(config, indent=2))  # JSON is YAML
        return new.rename(file)
