"""What the NameNode and the DataNode are told."""

from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import pytest

from shopnow_streams.errors import StackError
from shopnow_streams.stack.hdfs import Hdfs
from shopnow_streams.stack.ports import StackPorts
from tests.unit.stack.conftest import MakeJava


def hdfs(home: Path, java: Path = Path("java"), settings: Mapping[str, str] = {}) -> Hdfs:
    return Hdfs(home, ports=StackPorts().shifted(10_000), java=java, jars=[], settings=settings)


def site(made: Hdfs) -> dict[str | None, str | None]:
    root = ElementTree.fromstring(made.site_xml())  # noqa: S314 (our own text)
    return {row.findtext("name"): row.findtext("value") for row in root}


def test_site_xml(tmp_path: Path) -> None:
    settings = site(hdfs(tmp_path))
    assert settings["fs.defaultFS"] == "hdfs://127.0.0.1:18020"
    assert settings["dfs.namenode.http-address"] == "127.0.0.1:19870"
    assert settings["dfs.datanode.data.dir"] == f"file://{tmp_path}/blocks"
    addresses = [value for name, value in settings.items() if str(name).endswith("address")]
    assert len(addresses) == 5
    assert all(str(address).startswith("127.0.0.1:") for address in addresses)


def test_names_with_signs_of_xml_are_kept(tmp_path: Path) -> None:
    made = hdfs(tmp_path / "R&D <1>", settings={"dfs.blocksize": "1048576"})
    assert site(made)["dfs.blocksize"] == "1048576"
    assert site(made)["hadoop.tmp.dir"] == str(tmp_path / "R&D <1>" / "tmp")


def test_addresses_for_clients(tmp_path: Path) -> None:
    ports = StackPorts.free()
    made = Hdfs(tmp_path, ports=ports, java=Path("java"), jars=[])
    assert made.webhdfs_url == f"http://127.0.0.1:{ports.namenode_http}"
    assert made.uri == f"hdfs://127.0.0.1:{ports.namenode_rpc}"
    assert not made.answers()


FORMATTING = """
for word; do
    case $word in -Ddfs.namenode.name.dir=file://*) folder=${word#*file://} ;; esac
done
mkdir "$folder" && echo "$@" >> "$folder/formatted"
"""
"""A Java that does of the NameNode's -format what others see of it."""


def test_the_namenode_is_prepared_with_an_empty_file_system_made_once(tmp_path: Path, java: MakeJava) -> None:
    made = hdfs(tmp_path / "home", java(FORMATTING))
    blocks = tmp_path / "home" / "blocks"
    blocks.mkdir(parents=True)  # of a file system that is no more: the DataNode would end over it
    command = [str(word) for word in made.prepare("namenode", ["-Xlog:disable"])]
    assert command[-1] == "org.apache.hadoop.hdfs.server.namenode.NameNode"
    assert "-Xlog:disable" in command
    assert not blocks.exists()
    blocks.mkdir()
    made.prepare("namenode")
    (said,) = (tmp_path / "home" / "names" / "formatted").read_text().splitlines()
    assert said.endswith("-format -force -nonInteractive")
    assert blocks.exists()
    for name in ("core-site.xml", "hdfs-site.xml"):
        assert (tmp_path / "home" / "conf" / name).read_text() == made.site_xml()


def test_the_datanode_is_prepared_without_a_file_system_of_its_own(tmp_path: Path, java: MakeJava) -> None:
    made = hdfs(tmp_path / "home", java("exit 1"))
    command = made.prepare("datanode")
    assert command[-1] == "org.apache.hadoop.hdfs.server.datanode.DataNode"
    assert (tmp_path / "home" / "conf" / "hdfs-site.xml").read_text() == made.site_xml()
    assert not (tmp_path / "home" / "names").exists()


def test_a_file_system_that_cannot_be_made_is_none(tmp_path: Path, java: MakeJava) -> None:
    made = hdfs(tmp_path, java("echo no space left >&2; exit 1"))
    with pytest.raises(StackError, match="could not be formatted:\nno space left"):
        made.prepare("namenode")
    assert not (tmp_path / "names").exists()
