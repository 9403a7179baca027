"""What the console is told: flags, environment, kubeconfig; and what it says of mistakes."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from promptrelease.console import kubeconfig, main
from promptrelease.console.app import create
from promptrelease.console.settings import Settings, SettingsMistake

SECRET = {"PROMPTRELEASE_CONSOLE_SECRET": "s" * 40}
URL = "--url=https://prompts.example.org"
SERVER = "--server=https://10.0.0.1:6443"
PROVIDER = ("--issuer=https://id.example.org", "--client-id=console")


def told(*arguments: str, **environment: str) -> Settings:
    env = {**SECRET, **environment}
    return main.settings(main.parser(env).parse_args(arguments), env)


def test_what_is_needed() -> None:
    settings = told(URL, SERVER)
    assert settings.url == "https://prompts.example.org"
    assert settings.server == "https://10.0.0.1:6443"
    assert settings.secure
    assert settings.tokens
    assert settings.namespace == "default"


def test_the_environment_says_it_too_and_flags_win() -> None:
    env = {
        "PROMPTRELEASE_CONSOLE_URL": "http://localhost:8000/",
        "PROMPTRELEASE_CONSOLE_SERVER": "https://a",
        "PROMPTRELEASE_CONSOLE_ISSUER": "https://id",
        "PROMPTRELEASE_CONSOLE_CLIENT_ID": "console",
        "PROMPTRELEASE_CONSOLE_CLIENT_SECRET": "hush",
        "PROMPTRELEASE_CONSOLE_TOKEN_SIGN_IN": "true",
        "PROMPTRELEASE_CONSOLE_SESSION_HOURS": "1.5",
        "PROMPTRELEASE_CONSOLE_HOSTS": "a.example, b.example",
        "PROMPTRELEASE_CONSOLE_NAMESPACE": "team",
    }
    settings = told("--namespace=other", **env)
    assert settings.url == "http://localhost:8000"
    assert not settings.secure
    assert settings.client_secret == "hush"
    assert settings.tokens
    assert settings.session_seconds == 5400
    assert settings.hosts == ("a.example", "b.example")
    assert settings.namespace == "other"


def test_the_variable_of_a_service_is_not_the_port() -> None:
    env = {"PROMPTRELEASE_CONSOLE_PORT": "tcp://10.0.0.7:80"}
    assert main.parser(env).parse_args([]).port == 8000


def test_tokens_are_off_beside_a_provider() -> None:
    assert not told(URL, SERVER, *PROVIDER).tokens
    assert told(URL, SERVER, *PROVIDER, "--token-sign-in").tokens


def test_its_own_token_is_for_impersonation_alone(tmp_path: Path) -> None:
    file = f"--own-token-file={tmp_path / 'token'}"
    assert told(URL, SERVER, *PROVIDER, file).own_token_file == ""
    assert told(URL, SERVER, *PROVIDER, file, "--impersonate").own_token_file


MISTAKES = [
    ((SERVER,), "--url is needed"),
    (("--url=prompts.example.org", SERVER), "--url: 'prompts.example.org' is no address"),
    (("--url=https://a/b", SERVER), "nothing after it"),
    (("--url=https://user@a", SERVER), "--url"),
    ((URL, "--server=http://10.0.0.1"), "--server: 'http://10.0.0.1' does not begin with https"),
    ((URL, SERVER, "--issuer=https://id"), "--issuer and --client-id are needed together"),
    ((URL, SERVER, "--client-id=a"), "--issuer and --client-id are needed together"),
    ((URL, SERVER, "--issuer=http://id", "--client-id=a"), "--issuer: 'http://id'"),
    ((URL, SERVER, "--no-token-sign-in"), "nobody could sign in"),
    ((URL, SERVER, "--impersonate"), "needs --issuer"),
    ((URL, SERVER, *PROVIDER, "--impersonate"), "--own-token-file"),
    ((URL, SERVER, "--ca-file=/none"), "--ca-file: there is no file /none"),
    ((URL, SERVER, "--secret-file=/none"), "can't read /none"),
    ((URL, SERVER, "--session-hours=0"), "--session-hours"),
    ((URL, SERVER, "--requests-per-minute=-1"), "--requests-per-minute"),
    ((URL, "--kubeconfig=/none"), "can't read /none"),
]


@pytest.mark.parametrize(("arguments", "words"), MISTAKES)
def test_mistakes_say_what_to_do(arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(SettingsMistake, match=words):
        told(*arguments)


@pytest.mark.parametrize("secret", ["", "short", "x" * 31, "y" * 40 + "\nshort"])
def test_a_secret_that_can_be_guessed(secret: str) -> None:
    with pytest.raises(SettingsMistake, match="less than 32 characters"):
        told(URL, SERVER, PROMPTRELEASE_CONSOLE_SECRET=secret)


def test_a_file_without_certificates(tmp_path: Path) -> None:
    file = tmp_path / "ca.crt"
    file.write_text("nothing")
    with pytest.raises(SettingsMistake, match="--ca-file: no certificates"):
        create(told(URL, SERVER, f"--ca-file={file}"))


def test_a_mistake_ends_the_program(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMPTRELEASE_CONSOLE_SECRET", "short")
    with pytest.raises(SystemExit) as ended:
        main.main([URL, SERVER])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("promptrelease-console: the secret has less than 32")
    assert "Traceback" not in said


def test_help_names_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main.main(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    for flag in ("--issuer", "--impersonate", "--trusted-proxies", "PROMPTRELEASE_CONSOLE_SECRET"):
        assert flag in said


# Where the API server is


def config(folder: Path, **cluster: Any) -> Path:
    file = folder / "config"
    cluster = {"server": "https://10.0.0.9", **cluster}
    file.write_text(
        json.dumps(
            {
                "current-context": "a",
                "contexts": [
                    {"name": "a", "context": {"cluster": "one", "namespace": "team"}},
                    {"name": "b", "context": {"cluster": "none"}},
                ],
                "clusters": [{"name": "one", "cluster": cluster}],
                "users": [{"name": "me", "user": {"token": "never looked at"}}],
            }
        )
    )
    return file


def test_a_kubeconfig(tmp_path: Path) -> None:
    pem = base64.b64encode(b"PEM").decode()
    file = config(tmp_path, **{"certificate-authority-data": pem})
    place = kubeconfig.read(file)
    assert place == kubeconfig.Place("https://10.0.0.9", ca_data="PEM", namespace="team")
    assert told(URL, KUBECONFIG=str(file)).namespace == "team"


def test_a_file_beside_the_kubeconfig(tmp_path: Path) -> None:
    file = config(tmp_path, **{"certificate-authority": "ca.crt"})
    assert kubeconfig.read(file).ca_file == str(tmp_path / "ca.crt")


@pytest.mark.parametrize(
    ("cluster", "context", "words"),
    [
        ({"insecure-skip-tls-verify": True}, "", "insecure-skip-tls-verify is not supported"),
        ({"proxy-url": "http://x"}, "", "proxy-url is not supported"),
        ({"certificate-authority-data": "*"}, "", "not base64"),
        ({}, "c", "no context 'c'; it has: a, b"),
        ({}, "b", "no cluster 'none'; it has: one"),
    ],
)
def test_kubeconfigs_that_will_not_do(
    tmp_path: Path, cluster: dict[str, Any], context: str, words: str
) -> None:
    with pytest.raises(SettingsMistake, match=words):
        kubeconfig.read(config(tmp_path, **cluster), context)


@pytest.mark.parametrize("text", ["[", "a", "", "contexts: 1\ncurrent-context: a"])
def test_no_kubeconfig_at_all(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config"
    file.write_text(text)
    with pytest.raises(SettingsMistake, match="config"):
        kubeconfig.read(file)


def test_in_a_pod(tmp_path: Path) -> None:
    env = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
    assert kubeconfig.in_pod(env, tmp_path) is None
    (tmp_path / "ca.crt").write_text("x")
    (tmp_path / "namespace").write_text("prompts\n")
    place = kubeconfig.in_pod(env, tmp_path)
    assert place == kubeconfig.Place(
        "https://[fd00::1]:443", ca_file=str(tmp_path / "ca.crt"), namespace="prompts"
    )
    assert kubeconfig.in_pod({}, tmp_path) is None
