/* The table of data sets: names, labels, problem sets and pairs agree with each other and with the evaluations' own figures. */
#include "text/dataset.h"

#include "check.h"

static const char *const evaluations[] = {
    "core",
    "sparse_probing",
    "sparse_probing_sae_probes",
    "scr",
    "tpp",
    "absorption",
    "autointerp",
    "ravel",
    "unlearning",
    "mdl",
    "axbench",
    "delphi",
};
enum { N_EVALUATIONS = sizeof evaluations / sizeof *evaluations };

static const hooke_label *label_of(const hooke_label *labels, int n, const char *key)
{
    for (int i = 0; i < n; i++)
        if (strcmp(labels[i].key, key) == 0) return &labels[i];
    return NULL;
}

static const hooke_dataset_info *set(const char *name)
{
    const hooke_dataset_info *info;
    hooke_status st = hooke_dataset_find(&info, name);
    if (st) print_error("%s\n", hooke_error());
    assert_int_equal(st, HOOKE_OK);
    return info;
}

static void rows_are_complete(void **state)
{
    (void)state;
    int n = 0;
    for (const hooke_dataset_info *d; (d = hooke_dataset_get(n)) != NULL; n++) {
        const char *texts[] = { d->name,  d->repo,        d->revision,     d->config,       d->page, d->kind,
                                d->evals, d->text_column, d->label_column, d->group_column, d->note };
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) assert_non_null(texts[i]);
        assert_true(strncmp(d->page, "https://", 8) == 0);
        assert_true(d->repo[0] == '\0' || strcmp(d->repo, d->name) == 0);
        assert_ptr_equal(set(d->name), d);
        assert_true((d->n_splits > 0) == (strcmp(d->kind, "vocabulary") != 0));
        for (int i = 0; i < d->n_splits; i++) {
            assert_ptr_equal(hooke_dataset_get_split(d, d->splits[i].name), &d->splits[i]);
            assert_true(d->splits[i].files[0] != '\0' && d->splits[i].n_rows >= 0);
        }
        for (int i = 0; i < d->n_labels; i++)
            assert_ptr_equal(label_of(d->labels, d->n_labels, d->labels[i].key), &d->labels[i]);
    }
    assert_int_equal(n, dataset_table_n);
    assert_null(hooke_dataset_get(-1));
    assert_null(hooke_dataset_get_split(set("ag_news"), "dev"));
}

static void every_evaluation_is_served(void **state)
{
    (void)state;
    for (int e = 0; e < N_EVALUATIONS; e++) {
        int n = 0;
        for (int i = 0; i < dataset_table_n; i++)
            n += hooke_dataset_serves(&dataset_table[i], evaluations[e]);
        if (n == 0) print_error("nothing serves %s\n", evaluations[e]);
        assert_true(n > 0);
    }
    assert_true(hooke_dataset_serves(set("LabHC/bias_in_bios"), "scr"));
    assert_true(hooke_dataset_serves(set("LabHC/bias_in_bios"), NULL));
    assert_false(hooke_dataset_serves(set("LabHC/bias_in_bios"), "sc"));
    assert_false(hooke_dataset_serves(set("LabHC/bias_in_bios"), "sparse_probing_sae_probes"));
    assert_false(hooke_dataset_serves(set("LabHC/bias_in_bios"), ""));
}

static void evaluations_are_spelt_right(void **state)
{
    (void)state;
    for (int i = 0; i < dataset_table_n; i++) {
        size_t covered = 0, n = 0;
        for (int e = 0; e < N_EVALUATIONS; e++)
            if (hooke_dataset_serves(&dataset_table[i], evaluations[e])) {
                covered += strlen(evaluations[e]);
                n++;
            }
        assert_int_equal(covered + n - 1,
                         strlen(dataset_table[i].evals)); /* the names and the commas, nothing else */
    }
}

static void names_that_people_use(void **state)
{
    (void)state;
    static const char *const same[][2] = {
        { "ag_news", "fancyzhx/ag_news" },
        { "bias_in_bios", "LabHC/bias_in_bios" },
        { "LabHC/bias_in_bios_class_set2", "LabHC/bias_in_bios" },
        { "bias_in_bios_class_set3", "LabHC/bias_in_bios" },
        { "canrager/amazon_reviews_mcauley_1and5_sentiment", "canrager/amazon_reviews_mcauley_1and5" },
        { "wikitext", "Salesforce/wikitext" },
        { "europarl", "Helsinki-NLP/europarl" },
        { "GITHUB-CODE", "codeparrot/github-code" },
        { "pile", "monology/pile-uncopyrighted" },
        { "wmdp-bio", "cais/wmdp" },
        { "axbench-concept10", "pyvene/axbench-concept10" },
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        assert_string_equal(set(same[i][0])->name, same[i][1]);
    const hooke_dataset_info *info;
    assert_int_equal(hooke_dataset_find(&info, "ag_mews"), HOOKE_E_NOT_FOUND);
    assert_null(info);
    assert_non_null(strstr(hooke_error(), "'fancyzhx/ag_news'"));
    assert_int_equal(hooke_dataset_find(&info, NULL), HOOKE_E_ARGUMENT);
}

/* The 36 problems of sparse probing: every class is a label of its column and means what the set says. */
static void problem_sets_fit_their_sets(void **state)
{
    (void)state;
    int n_problems = 0, n_tpp = 0;
    for (int i = 0; hooke_problem_set_get(i); i++) {
        const hooke_problem_set *p = hooke_problem_set_get(i);
        const hooke_dataset_info *d = set(p->dataset);
        bool by_group = strcmp(p->class_column, d->group_column) == 0 && p->class_column[0];
        n_problems += p->n_classes;
        n_tpp += strstr(p->evals, "tpp") != NULL;
        for (int c = 0; c < p->n_classes; c++) {
            const hooke_label *found = by_group ? label_of(d->groups, d->n_groups, p->classes[c].key)
                                                : label_of(d->labels, d->n_labels, p->classes[c].key);
            assert_non_null(found);
            assert_string_equal(found->name, p->classes[c].name);
        }
        assert_true(p->balance_column[0] == '\0' || strcmp(p->balance_column, d->group_column) == 0);
        assert_true(p->n_train == 2000 && p->n_test == 500);
    }
    assert_int_equal(n_problems, 36);
    assert_int_equal(n_tpp, 2);
}

static void scr_pairs_fit_their_sets(void **state)
{
    (void)state;
    int n = 0;
    for (const hooke_scr_pair *p; (p = hooke_scr_pair_get(n)) != NULL; n++) {
        const hooke_dataset_info *d = set(p->dataset);
        const hooke_label *sides[] = { &p->positive, &p->negative };
        assert_true(hooke_dataset_serves(d, "scr") && d->n_groups == 2);
        for (int s = 0; s < 2; s++)
            assert_string_equal(label_of(d->labels, d->n_labels, sides[s]->key)->name, sides[s]->name);
    }
    assert_int_equal(n, 8);
    assert_string_equal(hooke_scr_pair_get(0)->positive.key, "21");
    assert_string_equal(hooke_scr_pair_get(0)->negative.key, "13");
}

static void sae_probes_has_its_113_problems(void **state)
{
    (void)state;
    const hooke_dataset_info *d = set("sae-probes");
    int64_t rows = 0;
    for (int i = 0; i < d->n_splits; i++) rows += d->splits[i].n_rows;
    assert_int_equal(d->n_splits, 113);
    assert_int_equal(rows, 334092);
    assert_string_equal(hooke_dataset_get_split(d, "131_temp_cat_Typical Time")->files,
                        "cleaned_data/131_temp_cat_Typical Time.csv.zst");
}

static void stand_ins_are_shipped(void **state)
{
    (void)state;
    int n = 0;
    for (int i = 0; i < dataset_table_n; i++)
        for (int s = 0; s < dataset_table[i].n_splits; s++) {
            hooke_text path = { 0 };
            if (!dataset_table[i].splits[s].micro) continue;
            n++;
            hooke_status st = hooke_asset(&path, dataset_table[i].splits[s].micro);
            if (st) print_error("%s\n", hooke_error());
            assert_int_equal(st, HOOKE_OK);
            hooke_text_release(&path);
        }
    assert_true(n >= 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_complete),
        cmocka_unit_test(every_evaluation_is_served),
        cmocka_unit_test(evaluations_are_spelt_right),
        cmocka_unit_test(names_that_people_use),
        cmocka_unit_test(problem_sets_fit_their_sets),
        cmocka_unit_test(scr_pairs_fit_their_sets),
        cmocka_unit_test(sae_probes_has_its_113_problems),
        cmocka_unit_test(stand_ins_are_shipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
