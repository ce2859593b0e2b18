"""What is shipped to deploy wirefeed with is right by the tools that it is for."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.docs.console import ROOT
from wirefeed.config import load

DEPLOY = ROOT / "deploy"
SCHEMA = ROOT / "tests" / "data" / "compose-spec.schema.json"
CONTAINERFILE = (DEPLOY / "Containerfile").read_text("utf-8").replace("\\\n", " ")
ANALYZE = shutil.which("systemd-analyze")


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8")))


def instructions(name: str, stage: int | None = None) -> list[str]:
    """Give the arguments of an instruction of the container file, in all stages or in one."""
    stages = re.split(r"(?m)^(?=FROM )", CONTAINERFILE)[1:]
    text = CONTAINERFILE if stage is None else stages[stage]
    return re.findall(rf"(?m)^{name} +(.*)$", text)


# --- the container -------------------------------------------------------------------------------


def test_the_container_runs_as_nobody_of_note():
    (user,) = instructions("USER", -1)
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)


def test_the_container_is_built_of_files_that_there_are():
    copied = [line.split()[:-1] for line in instructions("COPY") if "--from" not in line]
    assert copied
    for sources in copied:
        for source in sources:
            assert (ROOT / source).exists(), source


def test_whoever_builds_the_container_is_handed_what_it_copies_and_no_more():
    first, *rules = [
        line
        for line in (DEPLOY / "Containerfile.dockerignore").read_text("utf-8").splitlines()
        if not line.startswith("#")
    ]
    let_in = [rule.removeprefix("!") for rule in rules if rule.startswith("!")]
    copied = [line.split()[:-1] for line in instructions("COPY") if "--from" not in line]
    assert first == "*"
    for source in (source for sources in copied for source in sources):
        assert any(Path(source).match(rule) or source.startswith(f"{rule}/") for rule in let_in), (
            source
        )
    assert not {"var", "tests", ".", "*", "deploy"} & set(let_in)


def test_the_container_holds_what_the_locks_hold_and_nothing_that_builds():
    (installed,) = [line for line in instructions("RUN", 0) if "requirements.lock" in line]
    assert installed.count("install ") == installed.count("--require-hashes") == 2
    assert [line.split()[:2] for line in instructions("COPY", -1)] == [
        ["--from=build", "/opt/wirefeed"],
        ["config/topics.toml", "config/plans.toml"],
    ]
    assert "pip install" not in CONTAINERFILE[CONTAINERFILE.rindex("FROM ") :]


def test_the_settings_of_the_container_are_ours():
    (text,) = instructions("ENV", -1)
    pairs = dict(pair.split("=", 1) for pair in text.split())
    settings = load(None, pairs)
    assert settings.database.url == "sqlite:////var/lib/wirefeed/wirefeed.db"
    (volumes,) = instructions("VOLUME", -1)
    assert {str(Path(settings.keys.master).parent), "/var/lib/wirefeed"} == set(json.loads(volumes))


# --- compose -------------------------------------------------------------------------------------


def test_the_compose_file_is_one_by_the_specification():
    schema = json.loads(SCHEMA.read_text("utf-8"))
    jsonschema.validate(compose(), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**compose(), "services": {"app": {"imagge": "x"}}}, schema)


def test_the_compose_file_names_files_that_there_are():
    app, nginx = compose()["services"]["app"], compose()["services"]["nginx"]
    assert (DEPLOY / app["build"]["context"] / app["build"]["dockerfile"]).is_file()
    assert (DEPLOY / nginx["volumes"][0].split(":")[0]).is_file()


def test_only_nginx_is_reached_from_outside_and_only_it_is_believed():
    services = compose()["services"]
    assert [name for name, service in services.items() if "ports" in service] == ["nginx"]
    inside = services["nginx"]["networks"]["inside"]["ipv4_address"]
    assert services["app"]["environment"]["WIREFEED_SERVER__TRUSTED_PROXIES"] == f"{inside}/32"
    assert compose()["networks"]["inside"]["internal"]


def test_its_nginx_asks_wirefeed_as_the_shipped_one_does():
    shipped = (DEPLOY / "nginx" / "upstream.conf").read_text("utf-8")
    here = compose()["configs"]["upstream"]["content"]
    assert here.replace("app:8080", "127.0.0.1:8080") in shipped


# --- systemd -------------------------------------------------------------------------------------


def unit() -> str:
    return (DEPLOY / "wirefeed.service").read_text("utf-8")


@pytest.mark.skipif(ANALYZE is None, reason="there is no systemd-analyze")
def test_systemd_takes_the_unit_without_a_word(tmp_path: Path):
    """The program and the user are yours: here they are some that there are."""
    here = unit().replace("/opt/wirefeed/bin/wirefeed", sys.executable)
    here = here.replace("User=wirefeed", "User=root").replace("Group=wirefeed", "Group=root")
    (tmp_path / "wirefeed.service").write_text(here, "utf-8")
    checked = analyze("verify", str(tmp_path / "wirefeed.service"))
    assert (checked.returncode, checked.stderr + checked.stdout) == (0, "")
    (tmp_path / "wirefeed.service").write_text(f"{here}\nRestrct=yes\n", "utf-8")
    assert "Restrct" in analyze("verify", str(tmp_path / "wirefeed.service")).stderr


@pytest.mark.skipif(ANALYZE is None, reason="there is no systemd-analyze")
def test_the_unit_exposes_little():
    checked = analyze(
        "security", "--offline=true", "--threshold=15", str(DEPLOY / "wirefeed.service")
    )
    if "unrecognized option" in checked.stderr:
        pytest.skip("this systemd-analyze looks at running units alone")
    assert checked.returncode == 0, checked.stdout[-400:]


def analyze(*arguments: str) -> "subprocess.CompletedProcess[str]":
    assert ANALYZE is not None
    return subprocess.run([ANALYZE, *arguments], capture_output=True, text=True, check=False)


def test_the_unit_finds_topics_and_plans_beside_its_settings():
    told = re.findall(r"(?m)^Environment=(\w+)=(\S+)$", unit())
    # The shipped settings, which name them from another folder, are what is copied there.
    settings = load(ROOT / "config" / "wirefeed.toml", dict(told))
    assert "--config /etc/wirefeed/wirefeed.toml" in unit()
    assert settings.taxonomy.topics == "/etc/wirefeed/topics.toml"
    assert settings.taxonomy.plans == "/etc/wirefeed/plans.toml"


def test_the_unit_waits_for_requests_to_finish():
    told = re.search(r"TimeoutStopSec=(\d+)", unit())
    drain = tomllib.loads((ROOT / "config" / "wirefeed.toml").read_text("utf-8"))["server"]["drain"]
    assert told is not None
    assert int(told[1]) > drain
    assert int(compose()["services"]["app"]["stop_grace_period"].removesuffix("s")) > drain
