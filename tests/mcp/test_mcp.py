"""The server for assistants, asked by the official Python SDK of the protocol.

`make test` runs this after `cargo test`. By hand:

    WHY403=target/debug/why403 .venv-mcp/bin/pytest tests/mcp
"""

import asyncio
import json
import os
import shutil
import subprocess
from pathlib import Path

import jsonschema
import pytest
from mcp import Client, StdioServerParameters

REPOSITORY = Path(__file__).parents[2]
WHY403 = Path(os.environ.get("WHY403", "target/debug/why403")).resolve()


def cli(*arguments) -> str:
    done = subprocess.run([WHY403, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    return done.stdout


def schema(output: str) -> dict:
    return json.loads(cli("schema", output))


@pytest.fixture
def root(tmp_path) -> Path:
    """The sample incident in a folder, and beside that folder what nobody may read."""
    served = tmp_path / "served"
    shutil.copytree(REPOSITORY / "events" / "incident", served / "incident")
    shutil.copytree(served / "incident", tmp_path / "secret")
    (served / "link").symlink_to(tmp_path / "secret")
    return served


def ask(root: Path, *calls: tuple[str, dict]) -> list:
    """The answers of one server, which ends when the client has gone."""

    async def talk():
        server = StdioServerParameters(command=str(WHY403), args=["mcp", "--root", str(root)])
        async with Client(server, read_timeout_seconds=60) as client:
            return [await client.call_tool(name, arguments) for name, arguments in calls]

    return asyncio.run(asyncio.wait_for(talk(), timeout=120))


def answer(root: Path, name: str, **arguments):
    [result] = ask(root, (name, arguments))
    assert not result.is_error, result.content
    assert json.loads(result.content[0].text) == result.structured_content
    return result.structured_content


def without_long_texts(value):
    """Texts as the server cuts them, except for steps and commands."""
    if isinstance(value, dict):
        return {name: one if name in ("remedy", "missing") else without_long_texts(one) for name, one in value.items()}
    if isinstance(value, list):
        return [without_long_texts(one) for one in value]
    return value[:200] + "..." if isinstance(value, str) and len(value) > 200 else value


def test_three_tools_that_change_nothing(root):
    async def talk():
        server = StdioServerParameters(command=str(WHY403), args=["mcp", "--root", str(root)])
        async with Client(server, read_timeout_seconds=60) as client:
            return (await client.list_tools()).tools

    tools = asyncio.run(talk())

    assert {tool.name for tool in tools} == {"audit", "explain_request", "list_findings"}
    for tool in tools:
        assert tool.description
        assert tool.annotations.read_only_hint
        assert "source" in tool.input_schema["required"]


def test_findings_are_those_of_the_report(root):
    report = answer(root, "list_findings", source="incident")

    jsonschema.validate(report, schema("report"))
    expected = json.loads(cli("replay", "--quiet", "--format", "json", root / "incident"))
    assert [one["id"] for one in report["findings"]] == [one["id"] for one in expected["findings"]]
    assert report["totals"] == expected["totals"]
    assert report["incidents"] == without_long_texts(expected["incidents"])


def test_findings_of_one_cause_and_time(root):
    [of_waf] = answer(root, "list_findings", source="incident", cause="waf")["findings"]
    assert of_waf["cause"] == "waf"
    early = answer(root, "list_findings", source="incident", until="2026-03-10T00:00:00Z")
    assert early["findings"] == early["incidents"] == []
    late = answer(root, "list_findings", source="incident", since=of_waf["last_seen"])
    assert of_waf["id"] in [one["id"] for one in late["findings"]]


def test_one_request_is_explained_as_the_command_line_does(root):
    report = json.loads(cli("replay", "--quiet", "--format", "json", root / "incident"))
    request_id = report["findings"][0]["examples"][0]["request_id"]

    explained = answer(root, "explain_request", source="incident", request_id=request_id)

    arguments = ["--format", "json", "--request-id", request_id, root / "incident"]
    expected = json.loads(cli("replay", "--quiet", *arguments))
    jsonschema.validate([explained], schema("answers"))
    assert [explained] == without_long_texts(expected)
    assert explained["found"] and explained["cause"] == report["findings"][0]["cause"]
    assert not answer(root, "explain_request", source="incident", request_id="nobody's")["found"]


def test_an_audit_is_that_of_the_command_line(root):
    audit = answer(root, "audit", source="incident")

    jsonschema.validate(audit, schema("audit"))
    assert audit == without_long_texts(json.loads(cli("audit", "--format", "json", root / "incident")))


@pytest.mark.parametrize("source", ["../secret", "link", "incident/../../secret", "/etc", "nothing", "a\0b"])
def test_nothing_outside_the_folder_is_read(root, source):
    calls = [("list_findings", {"source": source}), ("explain_request", {"source": source, "request_id": "x"})]
    calls.append(("audit", {"source": source}))
    for result in ask(root, *calls):
        assert result.is_error
        assert "secret" not in json.dumps(result.structured_content)


def test_what_is_wrong_is_said(root):
    [no_time, no_facts] = ask(
        root,
        ("list_findings", {"source": "incident", "since": "yesterday"}),
        ("audit", {"source": "incident/logs"}),
    )
    assert no_time.is_error and "RFC 3339" in no_time.content[0].text
    assert no_facts.is_error and "get-distribution" in no_facts.content[0].text


def test_the_folder_is_as_it_was(root):
    def all_files():
        return {path: path.stat().st_mtime_ns for path in root.rglob("*")}

    before = all_files()
    ask(root, ("list_findings", {"source": "incident"}), ("audit", {"source": "incident"}))
    assert all_files() == before


def test_the_server_ends_with_its_input(root):
    done = subprocess.run([WHY403, "mcp", "--root", root], input=b"", capture_output=True, timeout=30)
    assert done.stdout == b""
