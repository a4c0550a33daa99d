"""What `from assay import privacy` offers stays what it is, whatever was imported since."""

from __future__ import annotations

import pkgutil

import pandas as pd

from assay import privacy


def test_no_name_of_the_face_is_also_a_room():
    """Importing a room would put its module in the place of the function."""
    assert not set(privacy.__all__) & {found.name for found in pkgutil.iter_modules(privacy.__path__)}


def test_a_table_is_measured_before_and_after_it_is_made_coarser():
    people = pd.DataFrame({"age": range(20, 40), "ill": [0, 1] * 10})
    assert privacy.measure_anonymity(people, quasi=["age"]).k == 1
    made = privacy.anonymize(people, quasi=["age"], sensitive=["ill"], k=4)
    assert privacy.measure_anonymity(made.table, quasi=["age"], sensitive=["ill"]).k >= 4
