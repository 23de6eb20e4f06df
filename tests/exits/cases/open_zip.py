# full
import zipfile

archive = zipfile.ZipFile("archive.zip", "w")
archive.writestr(zipfile.ZipInfo("name"), "content" * 100)
member = archive.open(zipfile.ZipInfo("other"), "w")
member.write(b"part")
