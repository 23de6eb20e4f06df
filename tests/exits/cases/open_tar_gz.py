# full
import gzip
import tarfile

archive = tarfile.open(fileobj=gzip.GzipFile("archive.tgz", "wb", mtime=0), mode="w")
archive.addfile(tarfile.TarInfo("name"))
