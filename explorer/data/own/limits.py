"""The limits of a data set that a person adds, which may come from anywhere."""

from explorer.zipped import MEBIBYTE

# a label is stored in one byte
FEWEST_CLASSES, MOST_CLASSES = 2, 256
# a fifth of a class is held out for validation, which must be at least one image
FEWEST_IN_CLASS = 5
# a folder's name is a class's name, and is drawn in tables and charts
LONGEST_CLASS_NAME = 60
# a network of one thousand units on larger images has more weights than fit in the memory of a laptop
SMALLEST_SIDE, LARGEST_SIDE, USUAL_SIDE = 2, 256, 32
# of the division into training and validation images
USUAL_SEED = 1
# the bytes of all images at their final size, which every worker keeps in memory
MOST_STORED = 512 * MEBIBYTE
# all files of a folder or of an archive: listing more takes longer than reading may take
MOST_FILES = 100_000
# an archive or a table: larger ones are copied to the server as a folder
LARGEST_FILE = 2048 * MEBIBYTE
# what an archive may unpack to, all its files together
MOST_UNPACKED = 4096 * MEBIBYTE
# pictures hardly shrink and text shrinks to a tenth; what shrinks more was made to exhaust memory
MOST_GROWTH = 200
# one array of an .npz file as it is stored there, which may have eight bytes for each pixel
MOST_ARRAY = 1024 * MEBIBYTE
# what a page takes from a browser, which is kept in memory while it arrives
MOST_UPLOADED_MIB = 200
# a table is text, which takes ten times as much memory while it is read
MOST_TABLE, MOST_CELLS = 200 * MEBIBYTE, 10_000_000
# the first layer has a weight per feature and unit
MOST_FEATURES = 4096
# a column with more different texts holds names or sentences, not categories
MOST_CATEGORIES = 100
# the names of all features are stored in a description, which has at most one mebibyte
LONGEST_FEATURE_NAME = 48
# larger numbers lose their digits as float32
LARGEST_NUMBER = 10**9
# how many files that cannot be read are listed by name
MOST_LISTED = 20
# seconds for reading one data set, in a process of its own
SECONDS = 600.0
