"""What the NameNode and the DataNode are told."""

from pathlib import Path
from xml.etree import ElementTree

from shopnow_streams.stack.hdfs import Hdfs
from shopnow_streams.stack.ports import StackPorts


def hdfs(home: Path, **settings: str) -> Hdfs:
    return Hdfs(home, ports=StackPorts().shifted(10_000), java=Path("java"), jars=[], settings=settings)


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
    made = hdfs(tmp_path / "R&D <1>", **{"dfs.blocksize": "1048576"})
    assert site(made)["dfs.blocksize"] == "1048576"
    assert site(made)["hadoop.tmp.dir"] == str(tmp_path / "R&D <1>" / "tmp")


def test_addresses_for_clients(tmp_path: Path) -> None:
    ports = StackPorts.free()
    made = Hdfs(tmp_path, ports=ports, java=Path("java"), jars=[])
    assert made.webhdfs_url == f"http://127.0.0.1:{ports.namenode_http}"
    assert made.uri == f"hdfs://127.0.0.1:{ports.namenode_rpc}"
    assert not made.answers()
