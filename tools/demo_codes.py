"""Names and code tables that `make_demos.py` gives the built-in data sets."""

from __future__ import annotations

GERMAN_COLUMNS = (
    "checking_account",
    "duration_months",
    "credit_history",
    "purpose",
    "amount_dm",
    "savings",
    "employed_since",
    "installment_rate",
    "personal_status",
    "other_debtors",
    "residence_since",
    "property",
    "age",
    "other_installment_plans",
    "housing",
    "existing_credits",
    "job",
    "dependents",
    "telephone",
    "foreign_worker",
    "credit_risk",
)
"""Attributes 1 to 20 of german.doc and the class, in their order."""

CODES: dict[str, dict[str, str]] = {
    "checking_account": {
        "A11": "below 0 DM",
        "A12": "0 to 200 DM",
        "A13": "200 DM or more, or salary paid in for a year",
        "A14": "none",
    },
    "credit_history": {
        "A30": "no credits, or all paid back",
        "A31": "all credits here paid back",
        "A32": "credits paid back until now",
        "A33": "delays in the past",
        "A34": "critical, or credits elsewhere",
    },
    "purpose": {
        "A40": "new car",
        "A41": "used car",
        "A42": "furniture or equipment",
        "A43": "radio or television",
        "A44": "domestic appliances",
        "A45": "repairs",
        "A46": "education",
        "A48": "retraining",
        "A49": "business",
        "A410": "other",
    },
    "savings": {
        "A61": "below 100 DM",
        "A62": "100 to 500 DM",
        "A63": "500 to 1000 DM",
        "A64": "1000 DM or more",
        "A65": "none or unknown",
    },
    "employed_since": {
        "A71": "unemployed",
        "A72": "under 1 year",
        "A73": "1 to 4 years",
        "A74": "4 to 7 years",
        "A75": "7 years or more",
    },
    "personal_status": {
        "A91": "divorced or separated",
        "A92": "divorced, separated or married",
        "A93": "single",
        "A94": "married or widowed",
    },
    "other_debtors": {"A101": "none", "A102": "co-applicant", "A103": "guarantor"},
    "property": {
        "A121": "real estate",
        "A122": "building society savings or life insurance",
        "A123": "car or other",
        "A124": "none or unknown",
    },
    "other_installment_plans": {"A141": "bank", "A142": "stores", "A143": "none"},
    "housing": {"A151": "rent", "A152": "own", "A153": "free"},
    "job": {
        "A171": "unemployed, or unskilled and not resident",
        "A172": "unskilled and resident",
        "A173": "skilled or official",
        "A174": "management, self-employed or highly qualified",
    },
    "telephone": {"A191": "none", "A192": "registered"},
    "foreign_worker": {"A201": "yes", "A202": "no"},
    "credit_risk": {"1": "good", "2": "bad"},
}

SEX_OF_STATUS = {"A91": "male", "A92": "female", "A93": "male", "A94": "male"}

ADULT_COLUMNS = (
    "age",
    "workclass",
    "final_weight",
    "education",
    "education_number",
    "marital_status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "capital_gain",
    "capital_loss",
    "hours_per_week",
    "native_country",
    "income",
)

COMPAS_COLUMNS = {
    "sex": "sex",
    "age": "age",
    "age_cat": "age_band",
    "race": "race",
    "juv_fel_count": "juvenile_felonies",
    "juv_misd_count": "juvenile_misdemeanors",
    "juv_other_count": "juvenile_others",
    "priors_count": "priors",
    "c_charge_degree": "charge_degree",
    "decile_score": "decile_score",
    "two_year_recid": "two_year_recid",
}
"""Columns kept of compas-scores-two-years.csv and their names here. Every other column is dropped."""
