# fast
import zipfile

archive = zipfile.ZipFile("archive.zip", "w")
archive.writestr(zipfile.ZipInfo("name"), "content" * 100)
archive.close()
