"""`strongroom://` on this computer and over S3: names, sizes, requests, and what never happens."""

import io
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import fsspec
import pandas as pd
import pytest
from tables import parquet, wide

import strongroom
from conftest import PASSWORD

MAGIC = b"\x89SRM\r\n\x1a\n"


@pytest.fixture
def folder(vault, tmp_path):
    """A folder with two sealed files and one that is not."""
    (tmp_path / "d").mkdir()
    strongroom.write("d/a.csv.sealed", b"x,y\n1,2\n" * 9000, project="acme")
    strongroom.write("d/b.csv.sealed", b"x,y\n3,4\n", project="acme", media="m" * 5000)
    (tmp_path / "d/plain.csv").write_text("not sealed")
    return str(tmp_path / "d")


def test_it_is_found_and_imported_only_when_it_is_wanted():
    code = (
        "import sys, strongroom; assert 'fsspec' not in sys.modules; import fsspec; "
        "assert 'strongroom._fsspec' not in sys.modules; print(fsspec.get_filesystem_class('strongroom').protocol)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "strongroom"


def test_names_and_sizes_are_those_of_the_plaintext(folder):
    fs = strongroom.filesystem()
    assert sorted(fs.ls(folder, detail=False)) == [f"{folder}/a.csv", f"{folder}/b.csv"]
    for name in ["a.csv", "a.csv.sealed"]:
        about = fs.info(f"strongroom://{folder}/{name}")
        assert (about["name"], about["size"], about["type"]) == (f"{folder}/a.csv", 72_000, "file")
        assert about["sealed_size"] == os.path.getsize(f"{folder}/a.csv.sealed")
    # Its header is twice as long as usual: its own is read for info, and none for a listing.
    assert fs.size(f"{folder}/b.csv") == 8
    listed = {entry["name"]: entry for entry in fs.ls(folder)}
    assert listed[f"{folder}/a.csv"]["size"] == 72_000
    assert fs.glob(f"{folder}/*.csv") == [f"{folder}/a.csv", f"{folder}/b.csv"]
    assert fs.exists(f"{folder}/a.csv") and fs.isdir(folder) and fs.isfile(f"{folder}/b.csv.sealed")
    assert fs.ls(f"{folder}/a.csv", detail=False) == [f"{folder}/a.csv"]
    for missing in [f"{folder}/plain.csv", f"{folder}/none"]:
        assert not fs.exists(missing)
        for use in [fs.info, fs.ls, fs.open, fs.cat_file, fs.ukey, fs.rm_file]:
            with pytest.raises(FileNotFoundError):
                use(missing)
    assert fs.unstrip_protocol(f"{folder}/a.csv") == f"strongroom://{folder}/a.csv"


def test_relative_paths_and_globs_in_urls(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert len(pd.read_csv("strongroom://a.csv")) == 17_999
    files = fsspec.open_files("strongroom://*.csv", "rb")
    assert [file.path for file in files] == [f"{folder}/a.csv", f"{folder}/b.csv"]
    with files[1] as file:
        assert file.read() == b"x,y\n3,4\n"


def test_pandas_reads_and_writes_by_url(vault, tmp_path):
    frame = pd.DataFrame({"id": range(5000), "name": [f"Ada {i}" for i in range(5000)]})
    options = {"project": "acme"}
    for name in ["t.csv", "t.csv.gz"]:
        frame.to_csv(f"strongroom://{name}", index=False, storage_options=options)
        assert sorted(os.listdir()) == [f"{name}.sealed"] and Path(f"{name}.sealed").read_bytes()[:8] == MAGIC
        pd.testing.assert_frame_equal(pd.read_csv(f"strongroom://{name}"), frame)
        os.remove(f"{name}.sealed")
    frame.to_parquet("strongroom://t.parquet", storage_options=options)
    pd.testing.assert_frame_equal(pd.read_parquet("strongroom://t.parquet"), frame)
    frame.to_json("strongroom://t.json", orient="records", storage_options=options)
    pd.testing.assert_frame_equal(pd.read_json("strongroom://t.json"), frame)
    with pytest.raises(ValueError, match="project"):
        frame.to_csv("strongroom://no-project.csv")
    assert strongroom.info("t.parquet.sealed").project == "acme"
    assert sorted(os.listdir()) == ["t.json.sealed", "t.parquet.sealed"]


def test_files_are_moved_copied_and_deleted_as_they_are(folder):
    fs = strongroom.filesystem()
    before = Path(f"{folder}/a.csv.sealed").read_bytes()
    assert fs.modified(f"{folder}/a.csv").timestamp() == pytest.approx(os.path.getmtime(f"{folder}/a.csv.sealed"))
    assert fs.created(f"{folder}/a.csv") is not None
    fs.makedirs(f"{folder}/new/deep")
    fs.mv(f"{folder}/a.csv", f"{folder}/new/moved.csv")
    assert Path(f"{folder}/new/moved.csv.sealed").read_bytes() == before
    fs.copy(f"{folder}/new/moved.csv", f"{folder}/copied.csv")
    assert Path(f"{folder}/copied.csv.sealed").read_bytes() == before
    fs.mv(f"{folder}/new", f"{folder}/newer")
    assert fs.find(f"{folder}/newer") == [f"{folder}/newer/moved.csv"]
    key = fs.ukey(f"{folder}/copied.csv")
    assert key == fs.ukey(f"{folder}/copied.csv.sealed")
    strongroom.write(f"{folder}/copied.csv.sealed", b"other", project="acme")
    assert fs.ukey(f"{folder}/copied.csv") != key
    fs.rm(f"{folder}/newer", recursive=True)
    fs.rm(f"{folder}/copied.csv")
    fs.mkdir(f"{folder}/empty")
    fs.rmdir(f"{folder}/empty")
    assert sorted(os.listdir(folder)) == ["b.csv.sealed", "plain.csv"]
    # What is not shown is not deleted either.
    with pytest.raises(OSError):
        fs.rm(folder, recursive=True)
    assert os.listdir(folder) == ["plain.csv"]


def test_pieces(folder):
    fs = strongroom.filesystem()
    plain, a = strongroom.read(f"{folder}/a.csv.sealed"), f"{folder}/a.csv"
    for start, end in [
        (None, None),
        (0, 10),
        (5, None),
        (-7, None),
        (-20, -3),
        (70_000, 99_999),
        (9, 9),
        (99_999, None),
    ]:
        assert fs.cat_file(a, start, end) == plain[start:end]
    got = fs.cat_ranges([a, f"{folder}/b.csv", a], [1, 0, -4], [20_000, 3, None])
    assert got == [plain[1:20_000], b"x,y", plain[-4:]]
    got = fs.cat_ranges([a, f"{folder}/none"], 0, 3)
    assert got[0] == b"x,y" and isinstance(got[1], FileNotFoundError)
    assert fs.cat(folder + "/*.csv") == {a: plain, f"{folder}/b.csv": b"x,y\n3,4\n"}
    assert fs.head(a, 3) == b"x,y" and fs.tail(a, 4) == b"1,2\n"
    assert fs.read_block(a, 2, 6, b"\n") == fsspec.utils.read_block(io.BytesIO(plain), 2, 6, b"\n")
    with fs.open(a, "r", encoding="utf-8") as text:
        assert text.readline() == "x,y\n"


@pytest.mark.parametrize("mode", ["ab", "r+b", "w+b"])
def test_other_modes_are_refused(folder, mode):
    with pytest.raises(ValueError, match="'rb', 'wb' or 'xb'"):
        strongroom.filesystem(project="acme").open(f"{folder}/a.csv", mode)


def test_what_exists_is_not_replaced(folder):
    fs = strongroom.filesystem(project="acme")
    with pytest.raises(FileExistsError):
        fs.open(f"{folder}/a.csv", "xb")
    Path(f"{folder}/c.csv.sealed").write_text("no sealed file")
    with pytest.raises(strongroom.SealedFileExists):
        fs.pipe_file(f"{folder}/c.csv", b"new")
    with pytest.raises(KeyError), fs.open(f"{folder}/d.csv", "wb") as file:
        file.write(b"half")
        raise KeyError
    assert not fs.exists(f"{folder}/d.csv")
    with fs.transaction, pytest.raises(NotImplementedError):
        fs.open(f"{folder}/e.csv", "wb")


@pytest.mark.parametrize("cache", ["simplecache", "filecache", "blockcache"])
def test_no_cache_above_it_gets_plaintext(folder, tmp_path, cache):
    storage = tmp_path / "cache"
    with pytest.raises((PermissionError, NotImplementedError, AttributeError)) as failed:
        with fsspec.open(f"{cache}::strongroom://{folder}/a.csv", **{cache: {"cache_storage": str(storage)}}) as file:
            file.read()
    if cache != "blockcache":
        assert isinstance(failed.value, PermissionError) and "plaintext" in str(failed.value)
    files = [file for file in storage.rglob("*") if file.is_file()] if storage.exists() else []
    assert not any(b"1,2" in file.read_bytes() for file in files)


def test_plaintext_is_copied_to_a_disk_only_on_demand(folder, tmp_path):
    fs = strongroom.filesystem()
    for copy in [fs.get_file, fs.get, fs.download]:
        with pytest.raises(PermissionError, match="plaintext=True"):
            copy(f"{folder}/b.csv", str(tmp_path / "out"))
        assert not (tmp_path / "out").exists()
    fs.get_file(f"{folder}/b.csv", str(tmp_path / "out"), plaintext=True)
    assert (tmp_path / "out").read_bytes() == b"x,y\n3,4\n"


def test_keys_are_no_options_and_nothing_that_is_written_out_has_one(folder, vault):
    key = strongroom.Key.generate()
    for wrong in [{"key": key}, {"key": "AKIA-an-id"}, {"password": PASSWORD}, {"secret": "s3-secret"}]:
        with pytest.raises(TypeError, match=r"strongroom.unlock.*s3=\{") as failed:
            fsspec.open("strongroom://a.csv", **wrong)
        assert not any(str(value) in str(failed.value) for value in wrong.values())
    with pytest.raises(TypeError, match="name a folder"):
        strongroom.filesystem(vault=vault)
    fs = strongroom.filesystem(project="acme")
    assert fs.cat_file(f"{folder}/b.csv") == b"x,y\n3,4\n"
    for written in [pickle.dumps(fs).decode("latin-1"), fs.to_json(), json.dumps(fs.to_dict()), repr(fs)]:
        assert PASSWORD not in written and len(written) < 300
    assert pickle.loads(pickle.dumps(fs)).project == "acme"
    assert fsspec.AbstractFileSystem.from_json(fs.to_json()).cat_file(f"{folder}/b.csv") == b"x,y\n3,4\n"
    # A file may be opened with a key that is given for it alone.
    with fs.open(f"{folder}/k.csv", "wb", key=key) as file:
        file.write(b"by key")
    assert (
        fs.cat_file(f"{folder}/k.csv", key=key) == b"by key" and fs.open(f"{folder}/k.csv", key=key).read() == b"by key"
    )
    with pytest.raises(strongroom.WrongKeyError):
        fs.cat_file(f"{folder}/k.csv")


# -- over S3


@pytest.fixture
def s3(vault, bucket):
    return strongroom.filesystem(bucket.fs, project="acme")


def test_three_of_fifty_columns_over_s3(s3, bucket):
    table = wide()
    s3.pipe_file("box/wide.parquet", parquet(table))
    sealed = bucket.fs.size("box/wide.parquet.sealed")
    assert sealed > 10_000_000
    chosen = ["c3", "c20", "c41"]
    bucket.requests.clear()
    read = pd.read_parquet(
        "strongroom::s3://box/wide.parquet.sealed", columns=chosen, storage_options={"s3": bucket.options}
    )
    pd.testing.assert_frame_equal(read, table.select(chosen).to_pandas())
    requests, answered = len(bucket.requests.seen), bucket.requests.bytes
    print(f"{requests} requests, {answered} bytes, {answered / sealed:.1%} of the sealed bytes")
    assert requests <= 12 and answered < 0.15 * sealed, bucket.requests.seen


def test_three_of_fifty_columns_on_this_computer(vault):
    table = wide()
    strongroom.write("wide.parquet.sealed", parquet(table), project="acme")
    chosen = ["c3", "c20", "c41"]

    def read_so_far() -> int:
        return int(Path("/proc/self/io").read_text().split()[1])

    for read in [
        lambda: pd.read_parquet(strongroom.open("wide.parquet.sealed"), columns=chosen),
        lambda: pd.read_parquet("strongroom://wide.parquet", columns=chosen),
    ]:
        read()
        before = read_so_far()
        pd.testing.assert_frame_equal(read(), table.select(chosen).to_pandas())
        share = (read_so_far() - before) / os.path.getsize("wide.parquet.sealed")
        print(f"{share:.1%} of the sealed bytes")
        assert share < 0.15


def test_one_request_for_each_read_and_few_for_reading_on(s3, bucket):
    plain = os.urandom(10_000_000)
    s3.pipe_file("box/data.bin", plain)
    with s3.open("box/data.bin") as file:
        bucket.requests.clear()
        assert file.seek(5_000_000) and file.read(1_000_000) == plain[5_000_000:6_000_000]
        assert file.read_at(123, 3_000_000) == plain[123:3_000_123]
        assert file.seek(0) == 0 and file.read() == plain
        assert [request.split()[0] for request in bucket.requests.seen] == ["GET"] * 3
        bucket.requests.clear()
        assert file.seek(0) == 0
        pieces = [file.read(256 * 1024) for _ in range(39)]
        assert b"".join(pieces) == plain and len(bucket.requests.seen) <= 8
    with s3.open("box/data.bin", block_size=1000) as file:
        for at, size in [(0, 10), (999, 2), (10_000, 5000), (9_999_990, 100), (70_000, 65_536), (70_000, 65_537)]:
            assert file.seek(at) == at and file.read(size) == plain[at : at + size]
        into = bytearray(100_000)
        assert file.seek(77) == 77 and file.readinto(into) == 100_000 and into == plain[77:100_077]
    bucket.requests.clear()
    got = s3.cat_ranges(["box/data.bin"] * 3, [0, 1_000_000, -5], [100, 2_000_000, None])
    assert got == [plain[:100], plain[1_000_000:2_000_000], plain[-5:]]
    assert sum("GET" in request for request in bucket.requests.seen) <= 4


def test_csv_folders_and_listings_over_s3(s3, bucket):
    frame = pd.DataFrame({"id": range(20_000)})
    options = {"s3": bucket.options, "project": "acme"}
    for name in ["a", "b"]:
        frame.to_csv(f"strongroom::s3://box/in/{name}.csv", index=False, storage_options=options)
    assert bucket.fs.cat_file("box/in/a.csv.sealed", start=0, end=8) == MAGIC
    pd.testing.assert_frame_equal(pd.read_csv("strongroom::s3://box/in/a.csv.sealed", storage_options=options), frame)
    bucket.fs.pipe_file("box/in/plain.csv", b"not sealed")
    assert s3.ls("box/in", detail=False) == ["box/in/a.csv", "box/in/b.csv"]
    assert s3.ls("box/in")[0]["size"] == s3.size("box/in/a.csv") == len(frame.to_csv(index=False))
    assert s3.glob("box/**/*.csv") == ["box/in/a.csv", "box/in/b.csv"] and s3.isdir("box/in")
    assert s3.unstrip_protocol("box/in/a.csv") == "strongroom::s3://box/in/a.csv"
    s3.mv("box/in/a.csv", "box/in/c.csv")
    s3.rm_file("box/in/b.csv")
    assert s3.find("box") == ["box/in/c.csv"] and s3.modified("box/in/c.csv") is not None
    # A long header, and none.
    with s3.open("box/long.csv", "wb", media="m" * 5000) as file:
        file.write(b"abc")
    assert s3.size("box/long.csv") == 3 and s3.cat_file("box/long.csv") == b"abc"
    assert s3.open("box/long.csv").info.media == "m" * 5000
    bucket.fs.pipe_file("box/odd.sealed", b"not a sealed file, though its name says so" * 1000)
    with pytest.raises(strongroom.NotSealedError):
        s3.open("box/odd")
    with pytest.raises(FileNotFoundError):
        s3.open("box/none")


def test_an_object_appears_when_it_is_whole(s3, bucket):
    with pytest.raises(KeyError), s3.open("box/half.bin", "wb") as file:
        for _ in range(12):
            file.write(os.urandom(1_000_000))
        raise KeyError
    assert bucket.fs.find("box") == []
    # Nor are its parts kept.
    assert not bucket.fs.call_s3("list_multipart_uploads", Bucket="box").get("Uploads")
    text = io.TextIOWrapper(s3.open("box/text", "wb"), encoding="utf-8")
    with pytest.warns(ResourceWarning), pytest.raises(KeyError), text:
        text.write("half")
        raise KeyError
    assert bucket.fs.find("box") == []
    s3.pipe_file("box/new", b"old")
    with pytest.raises(FileExistsError):
        s3.open("box/new", "xb")
    bucket.fs.pipe_file("box/plain.sealed", b"not sealed")
    with pytest.raises(strongroom.SealedFileExists):
        s3.open("box/plain", "wb")
    s3.pipe_file("box/new", b"new")
    assert s3.cat_file("box/new") == b"new"


def test_an_object_that_is_replaced_or_damaged_is_refused(s3, bucket):
    s3.pipe_file("box/a", os.urandom(200_000))
    file = s3.open("box/a")
    s3.pipe_file("box/a", os.urandom(200_000))
    with pytest.raises(strongroom.DamagedError):
        file.read_at(100_000, 10)
    file = s3.open("box/a")
    s3.pipe_file("box/a", b"short")
    with pytest.raises((strongroom.DamagedError, OSError)):
        file.read(200_000)
    sealed = bytearray(bucket.fs.cat_file("box/a.sealed"))
    sealed[-1] ^= 1
    bucket.fs.pipe_file("box/a.sealed", bytes(sealed))
    with pytest.raises(strongroom.DamagedError):
        s3.open("box/a")


def test_a_cache_below_keeps_what_is_sealed(s3, bucket, tmp_path):
    plain = b"the client's data, " * 10_000
    s3.pipe_file("box/a.txt", plain)
    storage = tmp_path / "cache"
    url = "strongroom::simplecache::s3://box/a.txt.sealed"
    for _ in range(2):
        with fsspec.open(url, s3=bucket.options, simplecache={"cache_storage": str(storage)}) as file:
            assert file.read() == plain
    cached = [file.read_bytes() for file in storage.iterdir()]
    assert len(cached) == 1 and cached[0][:8] == MAGIC
